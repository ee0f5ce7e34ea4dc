/**
 * The Kafka v2 record batch, the unit of storage: a flyweight over its 61-byte header, and a
 * writer.
 */
@NullMarked
package io.headrace.engine.batch;

import org.jspecify.annotations.NullMarked;
