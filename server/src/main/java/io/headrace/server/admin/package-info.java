/** The admin listener: metrics, health and readiness over HTTP. */
@NullMarked
package io.headrace.server.admin;

import org.jspecify.annotations.NullMarked;
