/** Backups as they lie in a folder: written from a cut, verified, restored. */
@NullMarked
package io.headrace.engine.backup;

import org.jspecify.annotations.NullMarked;
