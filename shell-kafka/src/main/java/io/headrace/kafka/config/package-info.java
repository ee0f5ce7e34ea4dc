/** Configs of topics and of this server, described and altered over the Kafka protocol. */
@NullMarked
package io.headrace.kafka.config;

import org.jspecify.annotations.NullMarked;
