/** The server: configuration, wiring, command line, admin HTTP. */
@NullMarked
package io.headrace.server;

import org.jspecify.annotations.NullMarked;
