/** Many consumers on one partition. */
@NullMarked
package io.headrace.bench.share;

import org.jspecify.annotations.NullMarked;
