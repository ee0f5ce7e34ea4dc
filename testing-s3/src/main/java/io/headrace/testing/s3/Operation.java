package io.headrace.testing.s3;

/** What a request asks of an S3 server. */
public enum Operation {
    /** Bytes of an object, all or a range of them. */
    GET_OBJECT,
    /** Keys of a bucket, or buckets. */
    LIST,
    /** An object's or a bucket's head. */
    HEAD,
    /** An object, or a part of one, is written. */
    PUT,
    /** Something is removed. */
    DELETE,
    /** Multipart uploads and what else is posted. */
    POST
}
