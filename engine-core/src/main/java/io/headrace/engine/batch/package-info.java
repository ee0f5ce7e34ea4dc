/**
 * The Kafka v2 record batch, the unit of storage: a flyweight over its 61-byte header, and a
 * writer; and the value of a record that holds a sample of several parts.
 */
@NullMarked
package io.headrace.engine.batch;

import org.jspecify.annotations.NullMarked;
