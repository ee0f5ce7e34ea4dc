package io.headrace.kafka.topic;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.DescribeClusterResponseData;
import org.apache.kafka.common.message.DescribeClusterResponseData.DescribeClusterBroker;
import org.apache.kafka.common.message.DescribeClusterResponseData.DescribeClusterBrokerCollection;
import org.apache.kafka.common.protocol.Errors;

/** DescribeCluster: the one node there is. */
public final class DescribeClusterHandler implements RequestHandler {
    private static final byte ENDPOINT_BROKERS = 1;

    private final KafkaShellContext context;

    /**
     * @param context names of node and cluster
     */
    public DescribeClusterHandler(KafkaShellContext context) {
        this.context = context;
    }

    @Override
    public void handle(KafkaRequest request) {
        DescribeClusterRequestData data = request.data(DescribeClusterRequestData.class);
        if (data.endpointType() != ENDPOINT_BROKERS) {
            request.respond(
                    new DescribeClusterResponseData()
                            .setErrorCode(Errors.MISMATCHED_ENDPOINT_TYPE.code())
                            .setErrorMessage("this is a broker endpoint"));
            return;
        }
        Node broker = request.broker();
        DescribeClusterBrokerCollection brokers = new DescribeClusterBrokerCollection(1);
        brokers.add(
                new DescribeClusterBroker()
                        .setBrokerId(broker.id())
                        .setHost(broker.host())
                        .setPort(broker.port()));
        request.respond(
                new DescribeClusterResponseData()
                        .setClusterId(context.clusterId())
                        .setControllerId(context.nodeId())
                        .setBrokers(brokers));
    }
}
