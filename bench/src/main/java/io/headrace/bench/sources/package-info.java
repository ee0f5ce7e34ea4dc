/**
 * Topics over S3: what is downloaded, how long readers wait, and what others take for the same.
 * Bytes and requests are counted by a proxy before the S3 server.
 */
@NullMarked
package io.headrace.bench.sources;

import org.jspecify.annotations.NullMarked;
