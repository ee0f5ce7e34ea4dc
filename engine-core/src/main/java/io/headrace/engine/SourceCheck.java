package io.headrace.engine;

import java.util.List;

/**
 * What a source looks like before a topic is made of it. Experimental, as {@link Sources}.
 *
 * @param format of the object that was looked at; {@code files} if the object is one sample
 * @param compression of that object; empty if it has none
 * @param samples the first samples
 * @param objectCount objects found; there are more if {@code isWhole} is false
 * @param objectBytes their length, as they are stored
 * @param isWhole whether the listing came to its end within what a check lists
 * @param recordCountEstimate from the samples' lengths; at least that many if {@code isWhole} is
 *     false; 0 if no sample was found
 * @param bytesPerSecond how fast the beginning of the object was read; 0 if no sample was found
 * @param requestMs how long one small read took
 * @param indexMsEstimate time to index everything at that rate, one partition reading ahead; 0 if
 *     there is no rate
 * @param readCountEstimate requests to read everything once
 * @param remarks what else is to be known, such as parts that are not in all samples
 */
@Experimental
public record SourceCheck(
        String format,
        String compression,
        List<Sources.CheckedSample> samples,
        long objectCount,
        long objectBytes,
        boolean isWhole,
        long recordCountEstimate,
        long bytesPerSecond,
        long requestMs,
        long indexMsEstimate,
        long readCountEstimate,
        List<String> remarks) {}
