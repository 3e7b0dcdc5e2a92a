package multirecall.analysis;

import java.io.IOException;
import java.io.StringReader;
import java.text.ParseException;
import java.util.List;
import java.util.function.Function;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymFilter;
import org.apache.lucene.analysis.synonym.SynonymGraphFilter;
import org.apache.lucene.analysis.synonym.SynonymMap;
import org.apache.lucene.analysis.synonym.WordnetSynonymParser;
import org.apache.lucene.util.CharsRef;
import org.apache.lucene.util.CharsRefBuilder;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexService.IndexCreationContext;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalysisMode;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.CustomAnalyzer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;

/**
 * {@code synonym} and {@code synonym_graph} from {@code synonyms} or {@code synonyms_path}.
 *
 * <p>The rules go through the part of the analysis chain that stands before the filter, hence the map can only be
 * built when the chain is known. Synonym sets kept in an index ({@code synonyms_set}) are not supported and say so.
 */
final class Synonyms implements TokenFilterFactory {

    private final String name;
    private final Settings settings;
    private final Environment env;
    private final boolean graph;
    private final boolean lenient;
    private final AnalysisMode mode;

    Synonyms(Environment env, String name, Settings settings, boolean graph) {
        if (!settings.hasValue("synonyms") && !settings.hasValue("synonyms_path")) {
            throw new IllegalArgumentException(
                "synonym requires either `synonyms` or `synonyms_path` to be configured (no `synonyms_set` here)");
        }
        this.name = name;
        this.settings = settings;
        this.env = env;
        this.graph = graph;
        boolean updateable = settings.getAsBoolean("updateable", false);
        this.lenient = settings.getAsBoolean("lenient", updateable);
        this.mode = updateable ? AnalysisMode.SEARCH_TIME : AnalysisMode.ALL;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public AnalysisMode getAnalysisMode() {
        return mode;
    }

    @Override
    public TokenStream create(TokenStream tokens) {
        throw new IllegalStateException("[" + name + "] must first be bound to an analysis chain");
    }

    @Override
    public TokenFilterFactory getChainAwareTokenFilterFactory(
        IndexCreationContext context,
        TokenizerFactory tokenizer,
        List<CharFilterFactory> charFilters,
        List<TokenFilterFactory> before,
        Function<String, TokenFilterFactory> allFilters) {
        Analyzer chain = new CustomAnalyzer(
            tokenizer,
            charFilters.toArray(CharFilterFactory[]::new),
            before.stream().map(TokenFilterFactory::getSynonymFilter).toArray(TokenFilterFactory[]::new));
        return new Bound(name, read(chain), graph, mode);
    }

    private SynonymMap read(Analyzer chain) {
        String rules = String.join("\n", Analysis.getWordList(env, settings, "synonyms"));
        boolean expand = settings.getAsBoolean("expand", true);
        SynonymMap.Parser parser = settings.get("format", "solr").equalsIgnoreCase("wordnet")
            ? new WordnetSynonymParser(true, expand, chain)
            : new LenientParser(expand, chain, lenient);
        try {
            parser.parse(new StringReader(rules));
            return parser.build();
        } catch (IOException | ParseException | IllegalArgumentException failure) {
            throw new IllegalArgumentException("failed to build synonyms for [" + name + "]", failure);
        }
    }

    /** With {@code lenient}, skips what the chain turns into nothing, such as a rule of stop words only. */
    private static final class LenientParser extends SolrSynonymParser {
        private final boolean lenient;

        LenientParser(boolean expand, Analyzer chain, boolean lenient) {
            super(true, expand, chain);
            this.lenient = lenient;
        }

        @Override
        public CharsRef analyze(String text, CharsRefBuilder reuse) throws IOException {
            try {
                return super.analyze(text, reuse);
            } catch (IllegalArgumentException unparsable) {
                if (!lenient) {
                    throw unparsable;
                }
                return new CharsRef("");
            }
        }

        @Override
        public void add(CharsRef input, CharsRef output, boolean keepsOriginal) {
            if (!lenient || (input.length > 0 && output.length > 0)) {
                super.add(input, output, keepsOriginal);
            }
        }
    }

    private record Bound(String name, SynonymMap synonyms, boolean graph, AnalysisMode mode)
        implements TokenFilterFactory {

        @Override
        public TokenStream create(TokenStream tokens) {
            if (synonyms.fst == null) {
                return tokens;
            }
            return graph ? new SynonymGraphFilter(tokens, synonyms, false) : new SynonymFilter(tokens, synonyms, false);
        }

        @Override
        public TokenFilterFactory getSynonymFilter() {
            // A second synonym filter in the chain must not apply this one to its own rules.
            return IDENTITY_FILTER;
        }

        @Override
        public AnalysisMode getAnalysisMode() {
            return mode;
        }
    }
}
