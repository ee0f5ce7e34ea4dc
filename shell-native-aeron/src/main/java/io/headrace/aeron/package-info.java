/** Topics over Aeron IPC and UDP: what is published there also becomes records of a topic. */
@NullMarked
package io.headrace.aeron;

import org.jspecify.annotations.NullMarked;
