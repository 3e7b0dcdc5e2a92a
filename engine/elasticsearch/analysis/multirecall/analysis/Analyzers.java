package multirecall.analysis;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.bg.BulgarianAnalyzer;
import org.apache.lucene.analysis.bn.BengaliAnalyzer;
import org.apache.lucene.analysis.br.BrazilianAnalyzer;
import org.apache.lucene.analysis.ca.CatalanAnalyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.ckb.SoraniAnalyzer;
import org.apache.lucene.analysis.core.KeywordAnalyzer;
import org.apache.lucene.analysis.core.SimpleAnalyzer;
import org.apache.lucene.analysis.core.StopAnalyzer;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.analysis.cz.CzechAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.el.GreekAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.et.EstonianAnalyzer;
import org.apache.lucene.analysis.eu.BasqueAnalyzer;
import org.apache.lucene.analysis.fa.PersianAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishAnalyzer;
import org.apache.lucene.analysis.gl.GalicianAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.hu.HungarianAnalyzer;
import org.apache.lucene.analysis.hy.ArmenianAnalyzer;
import org.apache.lucene.analysis.id.IndonesianAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.lt.LithuanianAnalyzer;
import org.apache.lucene.analysis.lv.LatvianAnalyzer;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ro.RomanianAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.th.ThaiAnalyzer;
import org.apache.lucene.analysis.tr.TurkishAnalyzer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** Whole analyzers by name: the plain ones and one per language, with {@code stopwords} and {@code stem_exclusion}. */
final class Analyzers {

    private final Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> all = new HashMap<>();

    private Analyzers() {
        add("keyword", (env, settings) -> new KeywordAnalyzer());
        add("simple", (env, settings) -> new SimpleAnalyzer());
        add("whitespace", (env, settings) -> new WhitespaceAnalyzer());
        add("stop", (env, settings) -> new StopAnalyzer(
            Analysis.parseStopWords(env, settings, EnglishAnalyzer.ENGLISH_STOP_WORDS_SET)));
        language("arabic", ArabicAnalyzer.getDefaultStopSet(), ArabicAnalyzer::new);
        language("armenian", ArmenianAnalyzer.getDefaultStopSet(), ArmenianAnalyzer::new);
        language("basque", BasqueAnalyzer.getDefaultStopSet(), BasqueAnalyzer::new);
        language("bengali", BengaliAnalyzer.getDefaultStopSet(), BengaliAnalyzer::new);
        language("brazilian", BrazilianAnalyzer.getDefaultStopSet(), BrazilianAnalyzer::new);
        language("bulgarian", BulgarianAnalyzer.getDefaultStopSet(), BulgarianAnalyzer::new);
        language("catalan", CatalanAnalyzer.getDefaultStopSet(), CatalanAnalyzer::new);
        language("cjk", CJKAnalyzer.getDefaultStopSet(), (stop, exclusions) -> new CJKAnalyzer(stop));
        language("czech", CzechAnalyzer.getDefaultStopSet(), CzechAnalyzer::new);
        language("danish", DanishAnalyzer.getDefaultStopSet(), DanishAnalyzer::new);
        language("dutch", DutchAnalyzer.getDefaultStopSet(), DutchAnalyzer::new);
        language("english", EnglishAnalyzer.getDefaultStopSet(), EnglishAnalyzer::new);
        language("estonian", EstonianAnalyzer.getDefaultStopSet(), EstonianAnalyzer::new);
        language("finnish", FinnishAnalyzer.getDefaultStopSet(), FinnishAnalyzer::new);
        language("french", FrenchAnalyzer.getDefaultStopSet(), FrenchAnalyzer::new);
        language("galician", GalicianAnalyzer.getDefaultStopSet(), GalicianAnalyzer::new);
        language("german", GermanAnalyzer.getDefaultStopSet(), GermanAnalyzer::new);
        language("greek", GreekAnalyzer.getDefaultStopSet(), (stop, exclusions) -> new GreekAnalyzer(stop));
        language("hindi", HindiAnalyzer.getDefaultStopSet(), HindiAnalyzer::new);
        language("hungarian", HungarianAnalyzer.getDefaultStopSet(), HungarianAnalyzer::new);
        language("indonesian", IndonesianAnalyzer.getDefaultStopSet(), IndonesianAnalyzer::new);
        language("irish", IrishAnalyzer.getDefaultStopSet(), IrishAnalyzer::new);
        language("italian", ItalianAnalyzer.getDefaultStopSet(), ItalianAnalyzer::new);
        language("latvian", LatvianAnalyzer.getDefaultStopSet(), LatvianAnalyzer::new);
        language("lithuanian", LithuanianAnalyzer.getDefaultStopSet(), LithuanianAnalyzer::new);
        language("norwegian", NorwegianAnalyzer.getDefaultStopSet(), NorwegianAnalyzer::new);
        language("persian", PersianAnalyzer.getDefaultStopSet(), PersianAnalyzer::new);
        language("portuguese", PortugueseAnalyzer.getDefaultStopSet(), PortugueseAnalyzer::new);
        language("romanian", RomanianAnalyzer.getDefaultStopSet(), RomanianAnalyzer::new);
        language("russian", RussianAnalyzer.getDefaultStopSet(), RussianAnalyzer::new);
        language("sorani", SoraniAnalyzer.getDefaultStopSet(), SoraniAnalyzer::new);
        language("spanish", SpanishAnalyzer.getDefaultStopSet(), SpanishAnalyzer::new);
        language("swedish", SwedishAnalyzer.getDefaultStopSet(), SwedishAnalyzer::new);
        language("thai", ThaiAnalyzer.getDefaultStopSet(), (stop, exclusions) -> new ThaiAnalyzer(stop));
        language("turkish", TurkishAnalyzer.getDefaultStopSet(), TurkishAnalyzer::new);
    }

    static Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> all() {
        return new Analyzers().all;
    }

    private void add(String name, BiFunction<Environment, Settings, Analyzer> analyzer) {
        all.put(name, (index, env, given, settings) -> new Ready(given, analyzer.apply(env, settings)));
    }

    private void language(String name, CharArraySet stop, BiFunction<CharArraySet, CharArraySet, Analyzer> analyzer) {
        add(name, (env, settings) -> analyzer.apply(
            Analysis.parseStopWords(env, settings, stop),
            Analysis.parseStemExclusion(settings, CharArraySet.EMPTY_SET)));
    }

    private static final class Ready extends AbstractIndexAnalyzerProvider<Analyzer> {
        private final Analyzer analyzer;

        Ready(String name, Analyzer analyzer) {
            super(name);
            this.analyzer = analyzer;
        }

        @Override
        public Analyzer get() {
            return analyzer;
        }
    }
}
