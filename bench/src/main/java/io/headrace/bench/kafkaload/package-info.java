/** The same Kafka load against Headrace and against Apache Kafka, alternating in one run. */
@NullMarked
package io.headrace.bench.kafkaload;

import org.jspecify.annotations.NullMarked;
