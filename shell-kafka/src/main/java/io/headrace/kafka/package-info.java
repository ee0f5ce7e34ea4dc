/**
 * The Kafka protocol over Netty: listeners, frames, the order of responses, and the table of
 * request handlers.
 */
@NullMarked
package io.headrace.kafka;

import org.jspecify.annotations.NullMarked;
