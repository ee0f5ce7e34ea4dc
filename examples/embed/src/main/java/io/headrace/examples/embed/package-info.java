/** The engine inside a program of one's own. */
@NullMarked
package io.headrace.examples.embed;

import org.jspecify.annotations.NullMarked;
