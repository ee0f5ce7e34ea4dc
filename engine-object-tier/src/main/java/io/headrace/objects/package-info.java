/** Object stores: a directory, and S3. */
@NullMarked
package io.headrace.objects;

import org.jspecify.annotations.NullMarked;
