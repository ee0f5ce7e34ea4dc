package io.headrace.server.clients;

import java.util.List;

/** A client that takes part in {@link RealClientsTest}, in two runs. */
interface Client {
    /** As the table and the topics call it. */
    String name();

    /**
     * How to install what is missing to run it; null if nothing is. Does not run the client itself.
     */
    String missing() throws Exception;

    /**
     * Runs it once, in the words of server/src/test/clients/README.md.
     *
     * @return the lines it printed
     */
    List<String> run(Run run) throws Exception;

    /**
     * One run.
     *
     * @param phase {@code first} or {@code second}
     * @param recordCount records per topic, even
     */
    record Run(
            String bootstrapServers,
            String phase,
            String topicPrefix,
            List<String> codecs,
            int recordCount) {
        boolean isFirst() {
            return phase.equals("first");
        }
    }
}
