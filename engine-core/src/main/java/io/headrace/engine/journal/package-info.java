/** The journal over Chronicle Queue: envelopes, our own force, our own recovery scan. */
@NullMarked
package io.headrace.engine.journal;

import org.jspecify.annotations.NullMarked;
