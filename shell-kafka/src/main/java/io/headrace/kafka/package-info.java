/** The Kafka protocol over Netty. */
@NullMarked
package io.headrace.kafka;

import org.jspecify.annotations.NullMarked;
