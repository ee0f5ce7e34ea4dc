/** The admin listener: metrics, health, readiness and sources over HTTP. */
@NullMarked
package io.headrace.server.admin;

import org.jspecify.annotations.NullMarked;
