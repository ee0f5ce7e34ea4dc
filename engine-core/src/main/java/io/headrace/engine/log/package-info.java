/** Partition logs and the catalog: what turns journals, memory and the projection into topics. */
@NullMarked
package io.headrace.engine.log;

import org.jspecify.annotations.NullMarked;
