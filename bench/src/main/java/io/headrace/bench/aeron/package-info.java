/** What the tap that fills a topic costs the publishers and subscribers of an Aeron stream. */
@NullMarked
package io.headrace.bench.aeron;

import org.jspecify.annotations.NullMarked;
