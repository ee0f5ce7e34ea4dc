/** Shuffle views against reading their sources straight. */
@NullMarked
package io.headrace.bench.shuffle;

import org.jspecify.annotations.NullMarked;
