/** The demonstration: a real dataset on an object store, read through a topic for three epochs. */
@NullMarked
package io.headrace.server.quickstart;

import org.jspecify.annotations.NullMarked;
