/**
 * What a storage module implements: ordered metadata, memory logs, object stores, and the journal.
 */
@NullMarked
package io.headrace.engine.spi;

import org.jspecify.annotations.NullMarked;
