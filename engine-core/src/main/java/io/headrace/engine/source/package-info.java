/** Topics over objects that already exist. */
@NullMarked
package io.headrace.engine.source;

import org.jspecify.annotations.NullMarked;
