/** Unions: many topics behind one consumer. */
@NullMarked
package io.headrace.bench.union;

import org.jspecify.annotations.NullMarked;
