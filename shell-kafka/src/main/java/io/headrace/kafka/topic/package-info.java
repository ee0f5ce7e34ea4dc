/** Topics as Kafka clients see them: names, ids, metadata, creation and deletion. */
@NullMarked
package io.headrace.kafka.topic;

import org.jspecify.annotations.NullMarked;
