/** Benchmarks. */
@NullMarked
package io.headrace.bench;

import org.jspecify.annotations.NullMarked;
