/** Producers that cost little CPU: requests encoded once, many connections on one thread. */
package io.headrace.bench.wire;
