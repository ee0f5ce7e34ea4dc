/** {@code bench/run topics}: what a great many topics cost to create, to use and to start with. */
@NullMarked
package io.headrace.bench.topics;

import org.jspecify.annotations.NullMarked;
