/**
 * Sealed segments: immutable files of record batches, sorted by partition, that say what is in
 * them.
 */
@NullMarked
package io.headrace.engine.segment;

import org.jspecify.annotations.NullMarked;
