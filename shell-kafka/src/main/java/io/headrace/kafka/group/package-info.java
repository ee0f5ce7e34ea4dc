/**
 * Consumer groups: Kafka's own group coordinator over a topic of ours, {@code __consumer_offsets}.
 */
@NullMarked
package io.headrace.kafka.group;

import org.jspecify.annotations.NullMarked;
