/** The server's configuration: its keys, and what a properties file makes of them. */
@NullMarked
package io.headrace.server.config;

import org.jspecify.annotations.NullMarked;
