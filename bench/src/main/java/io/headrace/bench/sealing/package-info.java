/** What sealing brings, and what it costs while it runs. */
@NullMarked
package io.headrace.bench.sealing;

import org.jspecify.annotations.NullMarked;
