package io.headrace.server.show;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The header of a {@code .npy} file: a Python dictionary, padded, behind its length. */
final class NumPyHeader {
    /** NEP 1: magic, major and minor version, length in two bytes (in four from version 2 on). */
    private static final int TEXT_POSITION = 10;

    private static final int TEXT_LENGTH_MAX = 512;
    private static final Pattern TYPE = Pattern.compile("'descr': *'([^']{1,20})'");
    private static final Pattern SHAPE = Pattern.compile("'shape': *(\\([0-9, ]{0,100}\\))");

    private NumPyHeader() {}

    /** Element type and shape; empty if they are not to be found. */
    static String describe(ByteBuffer head) {
        int length = Math.min(head.remaining() - TEXT_POSITION, TEXT_LENGTH_MAX);
        if (length <= 0) {
            return "";
        }
        byte[] bytes = new byte[length];
        head.slice().position(TEXT_POSITION).get(bytes);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        Matcher type = TYPE.matcher(text);
        Matcher shape = SHAPE.matcher(text);
        return type.find() && shape.find()
                ? Printable.of(type.group(1)) + " " + shape.group(1)
                : "";
    }
}
