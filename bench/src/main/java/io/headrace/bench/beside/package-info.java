/** The latency of one storage mode beside a saturating load on another. */
package io.headrace.bench.beside;
