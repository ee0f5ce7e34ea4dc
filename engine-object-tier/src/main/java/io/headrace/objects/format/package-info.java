/**
 * How objects become samples: the formats and the compressions of datasets, behind {@link
 * io.headrace.objects.format.BundledReaders}.
 */
@NullMarked
package io.headrace.objects.format;

import org.jspecify.annotations.NullMarked;
