/** RocksDB as the metadata store: catalog, offset index, partition states. */
@NullMarked
package io.headrace.rocks;

import org.jspecify.annotations.NullMarked;
