/** Bookmarks: a group's positions and a training's state, kept together under a name. */
@NullMarked
package io.headrace.server.bookmark;

import org.jspecify.annotations.NullMarked;
