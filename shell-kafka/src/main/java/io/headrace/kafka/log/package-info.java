/** Reading and writing partition logs over the Kafka protocol. */
@NullMarked
package io.headrace.kafka.log;

import org.jspecify.annotations.NullMarked;
