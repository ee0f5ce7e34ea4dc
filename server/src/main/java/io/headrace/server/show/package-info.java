/** How things are shown to a person: figures with units, tables, what is in a sample. */
@NullMarked
package io.headrace.server.show;

import org.jspecify.annotations.NullMarked;
