/** Off-heap memory: the budget, and the ring logs of memory topics. */
@NullMarked
package io.headrace.offheap;

import org.jspecify.annotations.NullMarked;
