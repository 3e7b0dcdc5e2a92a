package multirecall.engine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;

/**
 * Runs one OpenSearch node with the k-NN plugin on the class path.
 *
 * <p>The property {@code multirecall.config} names the configuration folder. Everything that differs between a single
 * node, a test instance and a member of a cluster is a node setting, so this class never needs to change.
 */
public final class OpenSearchNode {

    // What the official image loads and our requests may touch; each is a class on the class path, not a plugin folder.
    private static final List<String> PLUGINS = List.of(
        "org.opensearch.transport.Netty4ModulePlugin",
        "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
        "org.opensearch.index.mapper.MapperExtrasModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin",
        "org.opensearch.painless.PainlessModulePlugin",
        "org.opensearch.knn.plugin.KNNPlugin");

    private OpenSearchNode() {}

    public static void main(String[] arguments) {
        NodeProcess.run(arguments, OpenSearchNode::make);
    }

    private static NodeProcess.StartedNode make(Map<String, String> given) throws ClassNotFoundException {
        Settings.Builder settings = Settings.builder();
        given.forEach(settings::put);
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings.build(), Map.of(), Path.of(System.getProperty("multirecall.config")), () -> given.get("node.name"));
        Node node = new OpenSearchRunnerNode(environment, plugins());
        return new NodeProcess.StartedNode() {
            @Override
            public void start() throws Exception {
                node.start();
            }

            @Override
            public void close() throws IOException {
                node.close();
            }
        };
    }

    private static Collection<Class<? extends Plugin>> plugins() throws ClassNotFoundException {
        Collection<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String name : PLUGINS) {
            plugins.add(Class.forName(name).asSubclass(Plugin.class));
        }
        return plugins;
    }
}
