/** Aeron IPC and UDP. */
@NullMarked
package io.headrace.aeron;

import org.jspecify.annotations.NullMarked;
