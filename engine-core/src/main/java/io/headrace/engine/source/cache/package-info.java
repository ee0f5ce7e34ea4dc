/** Blocks of sources in two tiers over the store: off-heap memory, and files on an SSD. */
@NullMarked
package io.headrace.engine.source.cache;

import org.jspecify.annotations.NullMarked;
