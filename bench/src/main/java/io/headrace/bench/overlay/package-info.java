/** Overlays against reading their bases straight. */
@NullMarked
package io.headrace.bench.overlay;

import org.jspecify.annotations.NullMarked;
