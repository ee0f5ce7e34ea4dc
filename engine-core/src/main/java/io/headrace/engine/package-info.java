/**
 * The seam between the engine and everything that serves it: topics, partition logs and leases.
 *
 * <p>Bytes cross this boundary <em>borrowed</em> (until the call or callback returns) or
 * <em>leased</em> (until {@code close()}), never otherwise.
 */
@NullMarked
package io.headrace.engine;

import org.jspecify.annotations.NullMarked;
