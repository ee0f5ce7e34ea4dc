/**
 * An S3 server on the loopback interface, and a proxy before it that counts what crosses the wire,
 * slows it down and breaks it. For tests and benchmarks only.
 */
@NullMarked
package io.headrace.testing.s3;

import org.jspecify.annotations.NullMarked;
