/** What a group has read, written down so that it can be read again. */
@NullMarked
package io.headrace.server.lineage;

import org.jspecify.annotations.NullMarked;
