/** Views: topics over other topics. What a share view hands out is references to their batches. */
@NullMarked
package io.headrace.engine.view;

import org.jspecify.annotations.NullMarked;
