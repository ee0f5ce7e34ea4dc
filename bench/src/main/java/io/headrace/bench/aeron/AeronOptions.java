package io.headrace.bench.aeron;

import java.util.ArrayList;
import java.util.List;

/**
 * The command line of {@code bench/run aeron}.
 *
 * @param rounds measurements of each kind, raw and with the tap in turns
 * @param roundTrips per measurement
 * @param oneWays messages per measurement
 * @param rate messages per second of the one-way measurement
 * @param lengths of the messages, in bytes
 * @param media ipc, udp
 */
record AeronOptions(
        int rounds,
        int roundTrips,
        int oneWays,
        int rate,
        List<Integer> lengths,
        List<String> media) {

    static final String USAGE =
            """
            usage: bench/run aeron [options]
              --rounds N       measurements of each kind, in turns (default 10)
              --round-trips N  per measurement (default 20000)
              --one-ways N     messages per measurement (default 20000)
              --rate N         one-way messages per second (default 20000)
              --lengths N,M    bytes of a message, at least 8 (default 64,4096)
              --media LIST     of ipc, udp (default ipc,udp)
            """;

    static AeronOptions parse(String[] arguments) {
        AeronOptions options =
                new AeronOptions(
                        10, 20_000, 20_000, 20_000, List.of(64, 4096), List.of("ipc", "udp"));
        for (int i = 0; i < arguments.length; i += 2) {
            if (i + 1 == arguments.length) {
                throw new IllegalArgumentException(USAGE);
            }
            options = options.with(arguments[i], arguments[i + 1]);
        }
        return options;
    }

    private AeronOptions with(String name, String value) {
        return switch (name) {
            case "--rounds" ->
                    new AeronOptions(of(value), roundTrips, oneWays, rate, lengths, media);
            case "--round-trips" ->
                    new AeronOptions(rounds, of(value), oneWays, rate, lengths, media);
            case "--one-ways" ->
                    new AeronOptions(rounds, roundTrips, of(value), rate, lengths, media);
            case "--rate" ->
                    new AeronOptions(rounds, roundTrips, oneWays, of(value), lengths, media);
            case "--lengths" ->
                    new AeronOptions(rounds, roundTrips, oneWays, rate, listOf(value), media);
            case "--media" ->
                    new AeronOptions(
                            rounds, roundTrips, oneWays, rate, lengths, List.of(value.split(",")));
            default -> throw new IllegalArgumentException(USAGE);
        };
    }

    private static int of(String value) {
        int number = Integer.parseInt(value);
        if (number < 1) {
            throw new IllegalArgumentException("not positive: " + value);
        }
        return number;
    }

    private static List<Integer> listOf(String value) {
        List<Integer> numbers = new ArrayList<>();
        for (String number : value.split(",")) {
            numbers.add(of(number));
        }
        return numbers;
    }
}
