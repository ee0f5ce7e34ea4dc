/** The command line: one class per noun, one method per verb. */
@NullMarked
package io.headrace.server.cli;

import org.jspecify.annotations.NullMarked;
